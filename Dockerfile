# The image of an Astro project: `astro dev start`, `astro deploy`. The base installs packages.txt and requirements.txt
# and copies the project (what .dockerignore lets in) into Airflow's home by itself.
FROM astrocrpublic.azurecr.io/runtime:3.3-8

# `include` is imported by that name.
ENV PYTHONPATH=/usr/local/airflow
