# The image of an Astro project: `astro dev start`, `astro deploy`. The base installs packages.txt and requirements.txt
# and copies the project (what .dockerignore lets in) into Airflow's home by itself.
FROM astrocrpublic.azurecr.io/runtime:3.3-8

# `include` is imported by that name; the types of the Connections are found in `plugins`, and their forms have a
# button to test them.
ENV PYTHONPATH=/usr/local/airflow:/usr/local/airflow/plugins
ENV AIRFLOW__CORE__TEST_CONNECTION=Enabled
