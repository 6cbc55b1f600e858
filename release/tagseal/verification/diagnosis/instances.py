"""Which log belongs to which instance, by its identifier, hexadecimal: the SHA-256 of its key (RFC 6962 section 3.2).

As in the trusted roots that sigstore-python 4.5 carries. A log that began later is unknown here, and a bundle may name
any log: a hit tells what a bundle claims, and nothing more.
"""

PRODUCTION = {
    "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d": "rekor.sigstore.dev",
    "cf1199155bddd051268d1f16ac5c0c75c009f6fb5a63f4177f8e18d7051e3fa0": "log2025-1.rekor.sigstore.dev",
}
STAGING = {
    "d32f30a3c32d639c2b762205a21c7bb07788e68283a4ae6f42118723a1bea496": "rekor.sigstage.dev",
    "f30d5a999d92e662484244263f174cb8eacbfe8264bc583d32741799e3825dc9": "log2025-alpha1.rekor.sigstage.dev",
    "29f4a2497da244bca12bad925152f8eef55caaa471fd101ec292899bc21d653a": "log2025-alpha2.rekor.sigstage.dev",
    "d3d3a70ca130eff8696626153e84d1cd16e0947934b3296c528bde8274549496": "log2025-alpha3.rekor.sigstage.dev",
}
