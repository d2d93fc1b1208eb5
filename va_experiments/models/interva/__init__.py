"""InterVA: trained on any cause list (InterVA-4 rules), and InterVA-5 with its own knowledge base."""
