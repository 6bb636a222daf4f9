"""What goes over the wire is compressed as --compressors says; what stays on one machine is not, unless asked for."""

import pytest

from conftest import start_server, Pair
from traffic import preload_plain


def packed(server):
    """Bytes that the server took packed, by compressor."""
    counts = server.client().admin.command("serverStatus")["network"].get("compression", {})
    return {name: count["decompressor"]["bytesIn"] for name, count in counts.items() if count["decompressor"]["bytesIn"]}


@pytest.mark.parametrize("options, used", [(["--compressors", "snappy"], {"snappy"}), (["--compressors", "zstd"], {"zstd"}),
                                           (["--compressors", "zlib"], {"zlib"}), (["--compressors", "none"], set()), ([], set())])
def test_compressors(options, used, tmp_path, seed):
    more = {"more": ["--networkMessageCompressors", "snappy,zstd,zlib"]}
    with start_server("4.2", **more) as source, start_server("4.2", **more) as target:
        pair = Pair(source, target, tmp_path)
        preload_plain(source.client().t.c, 2000, seed)
        with pair.ferry("--workers", 2, *options) as ferry:
            ferry.wait_tailing()
            source.client().t.c.update_many({}, {"$set": {"late": "x" * 100}})
            pair.finish(ferry)
        assert set(packed(source)) == used and set(packed(target)) == used


def test_a_source_of_3_4_compresses_its_replies(tmp_path, seed):
    with start_server("3.4", more=["--networkMessageCompressors", "snappy"]) as source, start_server("4.2") as target:
        pair = Pair(source, target, tmp_path)
        preload_plain(source.client().t.c, 2000, seed)
        with pair.ferry("--workers", 2, "--compressors", "snappy") as ferry:
            ferry.wait_tailing()
            source.client().t.c.update_many({}, {"$set": {"late": "x" * 100}})
            pair.finish(ferry)
        counts = source.client().admin.command("serverStatus")["network"]["compression"]["snappy"]
        assert any(count["bytesIn"] > 100_000 for count in counts.values()), counts
