"""Files: immutable blobs in the object store, and who may see them."""
