"""A run as one page that opens offline: figures from records, maps, drawings, HTML. Values in, text out."""
