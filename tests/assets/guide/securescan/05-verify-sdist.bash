sigstore verify identity \
--cert-identity 'https://github.com/Metbcy/securescan/.github/workflows/release.yml@refs/tags/v0.11.0' \
--cert-oidc-issuer 'https://token.actions.githubusercontent.com' \
--bundle securescan-0.11.0.tar.gz.sigstore.json \
securescan-0.11.0.tar.gz
