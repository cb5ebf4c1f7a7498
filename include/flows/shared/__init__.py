"""What several flows read, or decide, in the same way: change feeds and details, customers, stock, prices, documents."""
