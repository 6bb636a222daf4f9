"""Compares two servers: databases, options, indexes, counts and the bytes of every document.

    result = compare(source.client(), target.client())
    assert not result.differences, result

Documents are streamed in `_id` order (capped collections in natural order), so memory stays flat however much there is.
"""

import hashlib
from dataclasses import dataclass, field
from itertools import zip_longest

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from bson.son import SON

MOST_DIFFERENCES = 20
OWN_DATABASES = {"admin", "config", "local"}
SERVERS_OWN = {"system.views", "system.indexes", "system.profile"}
# `ns` left the index with 4.4; `background` is how it was built; entryFormat is SecantusDB's storage; indexes are built as
# the target's newest kind, whatever `v` they had.
INDEX_NOISE = {"ns", "background", "entryFormat", "v"}
ORDERED = CodecOptions(document_class=SON)


@dataclass
class Result:
    differences: list = field(default_factory=list)
    databases: int = 0
    collections: int = 0
    documents: int = 0
    bytes: int = 0
    indexes: int = 0
    keys: list = field(default_factory=list)  # the differing documents' `_id`, as documents

    def add(self, text):
        if len(self.differences) < MOST_DIFFERENCES:
            self.differences.append(text)

    @property
    def equal(self):
        return not self.differences

    def __str__(self):
        figures = (f"{self.databases} databases, {self.collections} collections, {self.indexes} indexes, "
                   f"{self.documents} documents, {self.bytes} bytes compared")
        return "\n".join([figures, *(f"  differs: {text}" for text in self.differences)])


def compare(source, target, wanted=lambda database, collection: True, same_version=True):
    """`wanted` chooses namespaces on the source; the target must hold these and no others."""
    result = Result()
    databases = [{name for name in client.list_database_names() if name not in OWN_DATABASES}
                 for client in (source, target)]
    for name in sorted(databases[0] | databases[1]):
        before = result.collections
        _compare_database(result, source[name], target[name], wanted, same_version)
        result.databases += result.collections > before
    return result


def compare_state(state, target, same_version, capped=True):
    """
    A recorded state (harness/recorded.py) against a server, as `compare` does it. `capped` False: the target forgets in
    a rename that a collection is capped (SecantusDB 0.7).
    """
    result = Result()
    found = {f"{name}.{coll}": info for name in target.list_database_names() if name not in OWN_DATABASES
             for coll, info in _collections(target[name]).items()}
    for ns in sorted(state.collections.keys() | found.keys()):
        database, _, name = ns.partition(".")
        if ns not in found or ns not in state.collections:
            result.add(f"{ns} is {'missing on the target' if ns not in found else 'on the target only'}")
            continue
        ours = state.collections[ns]
        result.collections += 1
        if not capped and "capped" not in found[ns]["options"]:
            ours["options"] = SON((name, value) for name, value in ours["options"].items()
                                  if name not in ("capped", "size", "max"))
        ours["type"] = "view" if "viewOn" in ours["options"] else "collection"
        _compare_options(result, ns, ours, found[ns], same_version)
        if ours["type"] == "collection":
            indexes = {index["name"]: _normal_index(index, same_version) for index in ours["indexes"]}
            _compare_index_lists(result, ns, indexes, _indexes(target[database][name], same_version), same_version)
            _compare_state_documents(result, ns, state.documents[ns], target[database][name],
                                     bool(ours["options"].get("capped")))
    return result


def _compare_state_documents(result, ns, ours, collection, capped):
    theirs = list(raw_documents(collection, True))
    result.documents += len(ours)
    if not capped:
        ours, theirs = sorted(ours, key=_key), sorted(theirs, key=_key)
    if ours == theirs:
        return
    keys = {_key(raw): raw for raw in ours}, {_key(raw): raw for raw in theirs}
    for key in sorted(keys[0].keys() | keys[1].keys()):
        if keys[0].get(key) != keys[1].get(key):
            result.add(f"{ns}: {_show(keys[0].get(key))} became {_show(keys[1].get(key))}")
            result.keys.append(key)
    if keys[0] == keys[1]:
        result.add(f"{ns}: the natural order differs")


def oplog_of(source, keys):
    """What the source's oplog says of the first few documents, which tells what the replay saw."""
    lines = []
    for entry in raw_documents(source.local["oplog.rs"], True):
        if any(key[4:-1] in entry for key in keys[:3]):
            lines.append(str(bson.decode(entry, ORDERED))[:600])
    return "\n".join(lines)


def _collections(database):
    return {info["name"]: info for info in database.with_options(codec_options=ORDERED).list_collections()
            if info["name"] not in SERVERS_OWN}


def _compare_database(result, source, target, wanted, same_version):
    sources = {name: info for name, info in _collections(source).items() if wanted(source.name, name)}
    targets = _collections(target)
    for name in sorted(sources.keys() | targets.keys()):
        namespace = f"{source.name}.{name}"
        if name not in targets:
            result.add(f"{namespace} is missing on the target")
        elif name not in sources:
            result.add(f"{namespace} is on the target only")
        else:
            result.collections += 1
            _compare_options(result, namespace, sources[name], targets[name], same_version)
            if sources[name].get("type", "collection") != "view":
                capped = bool(sources[name].get("options", {}).get("capped"))
                _compare_indexes(result, source[name], target[name], same_version)
                if f"system.buckets.{name}" in sources:  # which hold its documents
                    continue
                _compare_counts(result, source[name], target[name])
                _compare_documents(result, source[name], target[name], capped)


def _plain(value, same_version):
    """The value in a form where field order does not count at the top, and only real differences stay."""
    drop = {"uuid"} if same_version else {"uuid", "version", "autoIndexId"}
    if not same_version and value.get("capped"):  # old servers gave whole pages of 4096 bytes
        value = {**value, "size": -(-int(value["size"]) // 4096) * 4096}
    if not same_version and value.get("validationAction") == "error":  # the default: some servers leave it out
        value = {name: item for name, item in value.items() if name != "validationAction"}
    return {name: bson.encode({"": _without_version(item) if not same_version else item})
            for name, item in value.items() if name not in drop}


def _without_version(item):
    """A collation names the version of its tables, which belongs to the server."""
    if isinstance(item, dict) and "locale" in item:
        return SON(sorted((name, part) for name, part in item.items() if name != "version"))
    return item


def _compare_options(result, namespace, source, target, same_version):
    kinds = source.get("type", "collection"), target.get("type", "collection")
    if kinds[0] != kinds[1]:
        result.add(f"{namespace}: a {kinds[0]} became a {kinds[1]}")
    options = source.get("options", {}), target.get("options", {})
    if _plain(options[0], same_version) != _plain(options[1], same_version):
        result.add(f"{namespace}: options {dict(options[0])} became {dict(options[1])}")


def _indexes(collection, same_version):
    return {index["name"]: _normal_index(index, same_version)
            for index in collection.with_options(codec_options=ORDERED).list_indexes()}


def _normal_index(index, same_version):
    noise = INDEX_NOISE
    if index["name"] == "_id_" and not same_version:
        noise = noise | {"collation"}  # SecantusDB does not show the one it takes from the collection
    if index.get("collation", {}).get("locale") == "simple":
        del index["collation"]  # what no collation means; SecantusDB shows it where it was asked for
    if "expireAfterSeconds" in index:
        index["expireAfterSeconds"] = int(index["expireAfterSeconds"])  # collMod stores it as another kind of number
    return SON((name, value) for name, value in index.items() if name not in noise)


def _compare_indexes(result, source, target, same_version):
    _compare_index_lists(result, source.full_name, _indexes(source, same_version), _indexes(target, same_version),
                         same_version)


def _compare_index_lists(result, ns, sources, targets, same_version):
    result.indexes += len(sources)
    for name in sorted(sources.keys() | targets.keys()):
        ours, theirs = sources.get(name), targets.get(name)
        if ours is None or theirs is None:
            where = "missing on" if theirs is None else "only on"
            result.add(f"{ns}: index {name} is {where} the target")
        elif _plain(ours, same_version) != _plain(theirs, same_version):
            result.add(f"{ns}: index {dict(ours)} became {dict(theirs)}")


def _compare_counts(result, source, target):
    counts = source.estimated_document_count(), target.estimated_document_count()
    if counts[0] != counts[1]:
        result.add(f"{source.full_name}: the count command says {counts[0]} and {counts[1]}")


def raw_documents(collection, capped=False):
    """Every document's bytes, in an order both sides share."""
    order = {} if capped else {"sort": [("_id", 1)]}
    if order and not collection.name.startswith("system.buckets."):  # those of a time series have no index of it
        order["hint"] = [("_id", 1)]
    for batch in collection.find_raw_batches({}, batch_size=20_000, **order):
        start = 0
        while start < len(batch):
            end = start + int.from_bytes(batch[start:start + 4], "little")
            yield batch[start:end]
            start = end


def _compare_documents(result, source, target, capped):
    pairs = zip_longest(raw_documents(source, capped), raw_documents(target, capped))
    for ours, theirs in pairs:
        if ours is not None:
            result.documents += 1
            result.bytes += len(ours)
        if ours == theirs:
            continue
        if ours and theirs and _key(ours) == _key(theirs):
            result.add(f"{source.full_name}: {_show(ours)} became {_show(theirs)}")
            result.keys.append(_key(ours))
        elif capped:
            result.add(f"{source.full_name}: from here on the natural order differs: "
                       f"{_show(ours)} against {_show(theirs)}")
            return
        else:
            _compare_rest(result, source.full_name, ours, theirs, pairs)


def _compare_rest(result, namespace, ours, theirs, pairs):
    """The two sides are out of step: match what is left by `_id`, keeping a digest a document."""
    sides = {}, {}

    def note(*pair):
        for side, raw in zip(sides, pair):
            if raw is not None:
                side[_key(raw)] = hashlib.blake2b(raw, digest_size=16).digest()

    note(ours, theirs)
    for pair in pairs:
        if pair[0] is not None:
            result.documents += 1
            result.bytes += len(pair[0])
        note(*pair)
    for key in sides[0].keys() | sides[1].keys():
        if sides[0].get(key) != sides[1].get(key):
            what = "is missing on the target" if key not in sides[1] else (
                "is on the target only" if key not in sides[0] else "has other bytes")
            result.add(f"{namespace}: the document {bson.decode(key, LENIENT)} {what}")
            result.keys.append(key)


LENIENT = CodecOptions(document_class=SON, unicode_decode_error_handler="replace")


def _key(raw):
    try:
        return bson.encode({"_id": RawBSONDocument(raw)["_id"]})
    except bson.errors.InvalidBSON:  # names or strings that are no UTF-8
        return bson.encode({"_id": bson.decode(raw, LENIENT)["_id"]})


def _show(raw):
    if raw is None:
        return "nothing"
    text = str(bson.decode(raw, LENIENT))
    return text if len(text) < 400 else f"{text[:400]}…"
