"""Long work in processes of its own: what is to be done, who does it, and who watches over it."""
