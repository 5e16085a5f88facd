"""What people already have, deployed: templates, and what becomes of them."""
