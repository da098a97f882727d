"""Cloud functions: user code with an identity, in processes of its own."""
