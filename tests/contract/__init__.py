"""Every request that the product makes, held to AWS's own description of it."""
