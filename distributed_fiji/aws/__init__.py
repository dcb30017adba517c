"""AWS, service by service: clients, documents, and what is made, changed, found and removed there."""
