"""The client of Business Central: reads with paging and batches, writes with etags, actions."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain

from urllib3 import BaseHTTPResponse

from include.business_central import errors
from include.business_central.calls import NEXT, saved, values_of
from include.business_central.company import ServedCompany
from include.business_central.matching import Refused, matching
from include.business_central.odata import MAX_QUERY, Api, Page, Resource, groups, if_match, one_of, query
from include.errors import NotFound, ServiceError, senseless
from include.transport.parallel import in_parallel
from include.transport.session import json_of, worth_repeating
from include.transport.values import Json

_MAX_BATCH = 100


@dataclass(frozen=True, kw_only=True)
class BatchAnswer:
    """The answer to one part of a batch."""

    status: int
    body: Json


class BusinessCentralClient(ServedCompany):
    """Talks to one company of one environment. Safe to use from several threads at once."""

    @cached_property
    def read_only(self) -> BusinessCentralClient:
        """The same client for a plan: it reads, and refuses to write."""
        other = copy.copy(self)
        other._transport = self._transport.read_only()
        return other

    # --- reads -----------------------------------------------------------------------------------------------

    def read(
        self,
        resource: Resource,
        *,
        filter: str | None = None,
        select: Sequence[str] = (),
        orderby: Sequence[str] = (),
        expand: str | None = None,
        page_size: int = 1_000,
        read_only: bool = False,
    ) -> Iterator[Json]:
        """Every matching record, page by page. `read_only` reads from a replica, which may lag behind."""
        options = {
            "$filter": filter,
            "$select": ",".join(select),
            "$orderby": ",".join(orderby),
            "$expand": expand,
        }
        text = query(options)
        headers = {"Prefer": f"odata.maxpagesize={page_size}"}
        if read_only:
            headers["Data-Access-Intent"] = "ReadOnly"
        url = self.url(resource) + (f"?{text}" if text else "")
        found = self._records(url, headers, lambda error: self._no_collection(resource, error))
        if filter:
            found = self._allowed(resource, found)
        records = self._of(resource, found) if isinstance(resource, Page) else found
        return map(self._with_parts, records) if expand else records

    def _of(self, page: Page, records: Iterator[Json]) -> Iterator[Json]:
        """The records of a service; when it lacks a field, whether something else is published under its name."""
        try:
            yield from records
        except ServiceError as error:
            if errors.lacks_property(error) and (fault := self.wrong_object(page.name)):
                raise fault from None
            raise

    def _allowed(self, resource: Resource, records: Iterator[Json]) -> Iterator[Json]:
        """The records; when they are refused, whether it is these alone or all of the resource."""
        try:
            yield from records
        except ServiceError as error:
            raise self._whose_refusal(resource, error) from None

    def _whose_refusal(self, resource: Resource, error: ServiceError) -> ServiceError:
        """A refusal of some records while others may be read is theirs; any other is the run's, as it is."""
        if error.status != 403 or not error.stops_run:
            return error
        try:
            self._json("GET", f"{self.url(resource)}?{query({'$top': '1'})}")
        except ServiceError:
            return error
        return error.withheld(errors.WITHHELD)

    def _with_parts(self, record: Json) -> Json:
        """The record with the further pages of the collections that it was expanded by, if they have any."""
        for name in [name for name in record if name.endswith(f"@{NEXT}")]:
            link, part = self._next(self._root, record.pop(name)), name.removesuffix(f"@{NEXT}")
            record[part] += self._records(link, {}, lambda error: errors.outage("A page of a record's parts", error))
        return record

    def read_many(
        self,
        resource: Resource,
        field: str,
        values: Sequence[object],
        *,
        select: Sequence[str] = (),
        extra_filter: str | None = None,
        expand: str | None = None,
        page_size: int = 1_000,
        listed: bool = False,
        refused: Refused | None = None,
    ) -> Iterator[Json]:
        """Records whose `field` is one of `values`, many per request, several requests at once. `listed`: or a list that
        begins with one.

        A value that the service objects to is told to `refused`, if there is somebody to tell; the others are read.
        """
        room = MAX_QUERY - len(query({"$select": ",".join(select), "$filter": extra_filter, "$expand": expand})) - 100

        named = not select or field in select

        def read(group: Sequence[object]) -> Iterator[Json]:
            condition = one_of(field, group, listed=listed)
            where = f"({condition}) and {extra_filter}" if extra_filter else condition
            return self.read(resource, filter=where, select=select, expand=expand, page_size=page_size)

        def whole(group: Sequence[object]) -> list[Json]:
            return list(matching(field, group, read, refused, listed=listed, named=named))

        calls = (partial(whole, group) for group in groups(field, values, room=room, listed=listed))
        for records in in_parallel(calls, self.concurrency):
            yield from records

    def batch_get(self, paths: Sequence[str]) -> list[BatchAnswer]:
        """Many reads of API v2.0 in few requests. `paths` are relative to the company, as `customers(…)`.

        A record that does not exist is answered 404; any other failure is raised.
        """
        starts = range(0, len(paths), _MAX_BATCH)
        parts = (partial(self._batch, paths[start : start + _MAX_BATCH]) for start in starts)
        return list(chain.from_iterable(in_parallel(parts, self.concurrency)))

    def _batch(self, paths: Sequence[str]) -> list[BatchAnswer]:
        parts = [
            {
                "id": str(number),
                "method": "GET",
                "url": f"companies({self.company_id})/{path}",
                "headers": {"Accept-Language": "en-US"},
            }
            for number, path in enumerate(paths)
        ]
        done: dict[str, BatchAnswer] = {}

        def body() -> Json:
            return {"requests": [part for part in parts if part["id"] not in done]}

        def take(response: BaseHTTPResponse) -> None:
            # Parts fail each on its own; those that were turned away are asked again.
            faults = []
            for part in self._object(response).get("responses", ()):
                error = errors.of_part(part)
                if error is None:
                    done[str(part["id"])] = BatchAnswer(status=part["status"], body=part.get("body") or {})
                elif worth_repeating(error, repeatable=True):
                    faults.append(error)
                else:
                    raise self._whose_refusal(Api(re.split(r"\W", paths[int(part["id"])])[0]), error)
            if len(done) < len(parts):
                raise faults[0] if faults else senseless(errors.SYSTEM, "Parts of a batch were not answered.")

        self._send(
            "POST",
            f"{self._root}/api/v2.0/$batch",
            headers={"Prefer": "odata.continue-on-error"},
            body=body,
            decode=take,
            repeatable=True,
            cost=len(parts),
            reads=True,
        )
        return [self._whole(done[str(part["id"])]) for part in parts]

    def _whole(self, answer: BatchAnswer) -> BatchAnswer:
        """The answer with the further pages of its collection, if it has any."""
        link = self._next(self._root, answer.body.get(f"@{NEXT}"))
        if link is None:
            return answer
        rest = self._records(link, {}, lambda error: errors.outage("A page of a batch", error))
        return BatchAnswer(status=answer.status, body={**answer.body, "value": [*values_of(answer.body), *rest]})

    # --- writes ----------------------------------------------------------------------------------------------

    def create(self, resource: Resource, body: Json, *, known_by: Sequence[str] = ()) -> Json:
        """Create a record and return it. Not repeated when its outcome is unknown: the caller looks first.

        `known_by`: fields that Business Central fills in, and without which nobody could tell which record was made.
        """
        try:
            decode = partial(saved, known_by=known_by)
            return self._send("POST", self.url(resource), decode=decode, body=body, repeatable=False)
        except NotFound as error:
            raise self._no_collection(resource, error) from None

    def update(self, resource: Resource, key: Mapping[str, object] | str, etag: str, changes: Json) -> Json:
        """Change the named fields, if the record is still as it was when `etag` was read; else EntityChanged.

        Raises NotFound when the record is gone.
        """
        try:
            address, headers = self._address(resource, key), if_match(etag)
            return self._send("PATCH", address, decode=saved, headers=headers, body=changes, repeatable=True)
        except NotFound as error:
            raise self._not_the_record(resource, error) or error from None

    def delete(self, resource: Resource, key: Mapping[str, object] | str, etag: str | None = None) -> None:
        """Delete a record; one that is gone already is as good."""
        headers = {} if etag is None else if_match(etag)
        try:
            address = self._address(resource, key)
            self._send("DELETE", address, decode=json_of(errors.SYSTEM), headers=headers, repeatable=True)
        except NotFound as error:
            if (fault := self._not_the_record(resource, error)) is not None:
                raise fault from None

    def action(self, resource: Resource, key: Mapping[str, object] | str, name: str) -> None:
        """Run a bound action such as `post`. Not repeated when its outcome is unknown. Raises NotFound."""
        try:
            address = f"{self._address(resource, key)}/Microsoft.NAV.{name}"
            self._send("POST", address, decode=json_of(errors.SYSTEM), repeatable=False)
        except NotFound as error:
            raise self._not_the_record(resource, error) or error from None
