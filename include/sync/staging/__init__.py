"""What travels between the tasks of a run: files of records, cut into chunks."""
