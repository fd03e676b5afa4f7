"""Messages that Recaster's own processes send each other."""
