"""Child processes: how they are started, what they are told and tell, and the arrays that they share."""
