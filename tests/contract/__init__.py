"""Every request that the product makes, checked against AWS's own description of it."""
