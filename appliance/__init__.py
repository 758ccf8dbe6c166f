"""What a node is made of. Knows neither the portal nor Django."""

PLAIN_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
"""What a program needs to find other programs and to speak plainly; everything else of root's environment
stays behind when the user changes."""
