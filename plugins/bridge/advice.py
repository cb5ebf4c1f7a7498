"""Whatever ends a task is shown with what to do, and ends it at once when no repetition cures it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow.sdk._shared.secrets_masker import redact
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.sync.problems import Problem, problem_of

log = logging.getLogger(__name__)


@contextmanager
def advised(context: Mapping[str, Any]) -> Iterator[None]:
    """Whatever ends the task is shown on the run's page, with what to do; what no repetition cures ends it at once."""
    try:
        yield
    except (AirflowFailException, AirflowSkipException):
        raise
    except Exception as error:
        problem = problem_of(error)
        show_problem(context, problem)
        if problem.again:
            raise
        raise AirflowFailException(str(problem)) from None


def show_problem(context: Mapping[str, Any], problem: Problem) -> None:
    """By an XCom, which reaches the page even where there is neither staging nor ledger."""
    value = {"what": str(redact(problem.what)), "advice": str(redact(problem.advice))}
    try:
        context["ti"].xcom_push(key="problem", value=value)
    except Exception:
        # The page says then that the task ended without a word; what ended it is what matters.
        log.exception("The problem could not be shown on the run's page")
