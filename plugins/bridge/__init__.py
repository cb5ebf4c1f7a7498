"""Everything that knows Airflow: hooks, the DAG factory, form and run, staging, pages. Below it, nothing does."""
