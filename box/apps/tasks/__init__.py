"""Tasks: who does what until when, alone and in projects."""
