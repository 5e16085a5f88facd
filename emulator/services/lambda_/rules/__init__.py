"""Pure rules of Lambda's input: names, deployment packages, payloads. No state, no transaction."""
