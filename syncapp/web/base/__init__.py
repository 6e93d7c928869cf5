"""What all screens share: access, the page layout, health, errors, parsing of addresses, CSV."""
