pip install sigstore
