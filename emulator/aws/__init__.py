"""What all AWS services share and no service owns: wire protocols, addressing, errors."""
