"""The schema as a picture: what is in it, and writing that as Mermaid or as SVG."""
