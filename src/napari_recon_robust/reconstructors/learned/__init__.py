"""Networks that are trained on many scans."""
