"""A job's inputs in the bucket: the objects that its values and patterns name, and their local places.

Lists and looks up objects, but downloads nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from worker.contract.inputs import Address, InvalidAddress, Pattern, addresses_in, is_several, read_patterns
from worker.contract.jobs import FailureClass, Job, Scalar, Value
from worker.contract.patterns import WILDCARDS
from worker.errors import JobFailed
from worker.storage import s3 as store
from worker.storage.addresses import names_below, refuse_collisions, safe_name
from worker.storage.nearest import nearest, other_forms

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Check = Callable[[], None]
Result = TypeVar("Result")

WILDCARDS_IN_VALUE = " A value must be one file or folder; put patterns with * and ? into inputs."


@dataclass(frozen=True)
class Group:
    """Objects that go into one folder, by their names in it. `place`: relative to the job's folder.

    `shared`: other jobs may need them too. `whole`: they are all objects below the prefix.
    """

    bucket: str
    prefix: str
    objects: Mapping[str, store.Object]
    place: Path
    shared: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Local:
    """A path relative to the job's folder, replacing an address; it ends with "/" if the address does."""

    path: str


@dataclass
class Listing:
    """A job's inputs, and the values that its parameters become."""

    groups: list[Group] = field(default_factory=list)
    values: dict[str, Local | list[Local | Scalar]] = field(default_factory=dict)
    answers: dict[str, Local | list[Local | Scalar]] = field(default_factory=dict)

    @property
    def used(self) -> list[dict[str, Any]]:
        """All objects, each once, for the manifest: address, ETag, bytes."""
        items = {
            f"s3://{group.bucket}/{item.key}": item
            for group in self.groups
            for item in group.objects.values()
        }
        return [{"key": key, "etag": item.etag, "bytes": item.size} for key, item in items.items()]


@dataclass(frozen=True)
class _Found:
    """What an address stands for: the object `last` below a prefix, or everything below it (`last`: "")."""

    bucket: str
    prefix: str
    last: str
    objects: Mapping[str, store.Object]


class Lister:
    """Finds jobs' inputs. `values`: whether metadata values are inputs, or paths in a mounted bucket."""

    def __init__(self, s3: S3Client, *, source_bucket: str, values: bool) -> None:
        self._s3 = s3
        self._source_bucket = source_bucket
        self._values = values

    def look(self, job: Job, check: Check) -> Listing:
        """Return a job's inputs as they are in the bucket now. Raises JobFailed naming what is missing."""
        listing = Listing()
        if self._values:
            for name, value in job.parameters.items():
                place = Path("objects", name)
                if local := self._look_at(name, value, place, listing, name not in job.metadata, check):
                    listing.values[name] = local
            # Labels of questions may not be valid folder names.
            for number, (name, value) in enumerate(job.answers.items(), 1):
                place = Path("answers", str(number))
                if local := self._look_at(name, value, place, listing, True, check):
                    listing.answers[name] = local
        self._add_patterns(job.inputs, listing, check)
        return listing

    def _look_at(
        self, name: str, value: Value, place: Path, listing: Listing, shared: bool, check: Check
    ) -> Local | list[Local | Scalar] | None:
        """Add a value's inputs to a listing. Return the value's replacement, None if it names no input."""
        items = _read(name, lambda: addresses_in(value, self._source_bucket))
        if items is None:
            return None
        found = self._find_all(name, items, check)
        places = _places(place, found.values(), listing, shared=shared)
        local = [_local(item, found[item], places) if isinstance(item, Address) else item for item in items]
        # A single value that names a place is an address, never a scalar (see `addresses_in`).
        return local if is_several(value) else local[0]  # type: ignore[return-value]

    def _find_all(self, name: str, items: Iterable[Address | Scalar], check: Check) -> dict[Address, _Found]:
        addresses = dict.fromkeys(item for item in items if isinstance(item, Address))
        return {address: self._find(name, address, check) for address in addresses}

    def _find(self, name: str, address: Address, check: Check) -> _Found:
        with store.failing_as(FailureClass.DOWNLOAD_FAILED, str(address)):
            for key in (address.key, *address.otherwise):
                if found := self._find_key(address.bucket, key, check):
                    return found
            raise JobFailed(
                FailureClass.INPUT_MISSING,
                f"The parameter {name} names {address}, but the bucket has no such file or"
                " folder."
                + (WILDCARDS_IN_VALUE if WILDCARDS.search(address.key) else "")
                + self._nearest(address.bucket, address.key, check, is_pattern=False),
            )

    def _find_key(self, bucket: str, key: str, check: Check) -> _Found | None:
        """Return the object at a key, or else everything below it; None if there is neither."""
        if not key.endswith("/"):
            item = store.retried(lambda: store.find_object(self._s3, bucket, key), check)
            if item:
                prefix, slash, last = key.rpartition("/")
                last = safe_name(last, key)
                return _Found(bucket, prefix + slash, last, {last: item})
        prefix = key if key.endswith("/") else f"{key}/"
        objects = names_below(prefix, self._listed(bucket, prefix, check))
        refuse_collisions(objects)
        return _Found(bucket, prefix, "", objects) if objects else None

    def _add_patterns(self, inputs: Iterable[str], listing: Listing, check: Check) -> None:
        """Add the objects that the job's patterns match.

        They go to `input/`, named relative to the pattern's folder.
        """
        taken: dict[str, str] = {}
        for text in inputs:
            with store.failing_as(FailureClass.DOWNLOAD_FAILED, text):
                pattern, objects = self._match(text, check)
            new = {}
            for name, item in objects.items():
                address = f"s3://{pattern.bucket}/{item.key}"
                if name not in taken:
                    new[name] = item
                elif taken[name] != address:
                    raise JobFailed(
                        FailureClass.DOWNLOAD_FAILED,
                        f"Two inputs would be the same file input/{name}: {taken[name]} and {address}.",
                    )
                taken[name] = address
            listing.groups.append(Group(pattern.bucket, pattern.folder, new, Path("input")))
        refuse_collisions(taken)

    def _match(self, text: str, check: Check) -> tuple[Pattern, dict[str, store.Object]]:
        patterns = _read("inputs", lambda: read_patterns(text, self._source_bucket))
        for pattern in patterns:
            objects = names_below(pattern.folder, self._matching(pattern, check))
            if objects:
                self._refuse_other_forms(text, objects, check)
                return pattern, objects
        raise JobFailed(
            FailureClass.INPUT_MISSING,
            f"The input {text!r} matches no file in the bucket {patterns[0].bucket}."
            + self._nearest(patterns[0].bucket, patterns[0].key, check, is_pattern=True),
        )

    def _refuse_other_forms(self, text: str, objects: Mapping[str, store.Object], check: Check) -> None:
        """Raise JobFailed if names of other files look like matches but use different characters."""
        for form in other_forms(text):
            for pattern in read_patterns(form, self._source_bucket):
                if others := self._matching(pattern, check):
                    raise JobFailed(
                        FailureClass.INPUT_MISSING,
                        f"The input {text!r} matches {len(objects)} files, and {len(others)} more look as"
                        f" if they match, such as {others[0].key!a}: their names use different characters."
                        " Rename one kind, or list both.",
                    )

    def _matching(self, pattern: Pattern, check: Check) -> list[store.Object]:
        def matches(item: store.Object) -> bool:
            check()
            return pattern.glob.matches(item.key)

        if pattern.prefix == pattern.key and not pattern.glob.all_below:
            # Without a wildcard, one object at most: a HEAD costs a twelfth of a listing.
            found = store.retried(lambda: store.find_object(self._s3, pattern.bucket, pattern.key), check)
            return [found] if found else []
        return [item for item in self._listed(pattern.bucket, pattern.prefix, check) if matches(item)]

    def _listed(self, bucket: str, prefix: str, check: Check) -> list[store.Object]:
        return store.retried(lambda: list(store.list_objects(self._s3, bucket, prefix)), check)

    def _nearest(self, bucket: str, key: str, check: Check, *, is_pattern: bool) -> str:
        return store.retried(lambda: nearest(self._s3, bucket, key, is_pattern=is_pattern), check)


def _read(name: str, read: Callable[[], Result]) -> Result:
    try:
        return read()
    except InvalidAddress as error:
        raise JobFailed(FailureClass.INPUT_MISSING, f"{name}: {error}") from error


def _places(
    at: Path, found: Iterable[_Found], listing: Listing, *, shared: bool
) -> dict[tuple[str, str, bool], Path]:
    """Add a parameter's objects to a listing. Return their places by bucket, prefix and whether it is whole.

    Objects of one prefix go into one folder, because files that belong together must stay together. Objects
    that another parameter already names in the same way keep their place.
    """
    objects: dict[tuple[str, str, bool], dict[str, store.Object]] = {}
    for one in found:
        objects.setdefault((one.bucket, one.prefix, not one.last), {}).update(one.objects)
    places = {}
    for number, ((bucket, prefix, whole), named) in enumerate(objects.items(), 1):
        place = at / str(number) if len(objects) > 1 else at
        group = Group(bucket, prefix, named, place, shared or whole, whole)
        same = next((one for one in listing.groups if _same(one, group)), None)
        if same is None:
            listing.groups.append(group)
        places[bucket, prefix, whole] = (same or group).place
    return places


def _same(one: Group, other: Group) -> bool:
    return (one.bucket, one.prefix, one.objects, one.shared) == (
        other.bucket,
        other.prefix,
        other.objects,
        other.shared,
    )


def _local(address: Address, found: _Found, places: Mapping[tuple[str, str, bool], Path]) -> Local:
    place = places[found.bucket, found.prefix, not found.last]
    end = "/" if address.key.endswith("/") else ""
    return Local(str(place / found.last) + end)


def value_at(value: Local | list[Local | Scalar], work: Path) -> Value:
    """Return a parameter's value for a job whose folder is `work`."""
    if isinstance(value, Local):
        return f"{work}/{value.path}"
    return [f"{work}/{item.path}" if isinstance(item, Local) else item for item in value]
