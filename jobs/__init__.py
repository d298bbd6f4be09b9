"""What runs later, elsewhere, perhaps twice: its argument is an id, the database row is the job."""
