gh release download v0.11.0 \
--repo Metbcy/securescan \
--pattern 'securescan-0.11.0-py3-none-any.whl' \
--pattern 'securescan-0.11.0-py3-none-any.whl.sigstore.json'
