"""The public benchmark: tasks, plan, resumable runs, tuning, and tables from stored predictions."""
