"""Signatures of images, in the two forms that cosign reads: made from Sigstore bundles, and verified by us.

The first form, ``simplesigning``, is that of cosign 2 and is read by every version since 2.0: a payload that names the
image, and the signature of it in annotations. The second, ``attached``, is that of cosign 3: a bundle with a statement.
"""
