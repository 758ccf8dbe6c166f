"""The object store: any server that speaks S3, through the `minio` SDK and nothing else."""
