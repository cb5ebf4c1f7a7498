"""The engine every flow runs through: extract, transform, load, report.

Knows flows, records, links and outcomes; knows neither Airflow nor any one record type.
"""
