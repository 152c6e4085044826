"""A folder of saved cases: listed, filtered, sorted, seen as thumbnails, and judged. Nothing here needs torch."""
