"""The local page: one small server on loopback, its pages, and nothing loaded from elsewhere."""
