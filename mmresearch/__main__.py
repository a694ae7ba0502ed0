"""The command `mmresearch`: a thin way to the same functions that notebooks call."""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
from typing import Any

_AGAIN = "as the manifest of this folder says, of the same files"
_SHOWN = 3  # symbols of which a doubt is told one by one


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when done, 1 with one message for a fault, 2 for wrong usage."""
    try:
        chosen = _chosen(sys.argv[1:] if arguments is None else arguments)
        return chosen.run(chosen)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except (ValueError, OSError, _report_error()) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _chosen(given: list[str]) -> argparse.Namespace:
    if given[:1] == ["convert"]:
        told = given[1:]
        parser = _again_parser(told) if _is_again(told) else _convert_parser(told)
        return parser.parse_intermixed_args(told)
    return _parser().parse_args(given)


def _is_again(told: list[str]) -> bool:
    return any(word.partition("=")[0] == "--again" for word in told)


def _report_error() -> type[Exception]:
    """ReportError where the module that raises it was needed at all."""
    execute = sys.modules.get("mmresearch.show.execute")
    return execute.ReportError if execute else ValueError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mmresearch",
        description="Market maker inventory flow: from source files to reports.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_report(commands)
    commands.add_parser("convert", help="source files -> market folder, with receipt")
    _add_fetch(commands)
    _add_new(commands)
    _add_check(commands)
    add = commands.add_parser("conventions", help="print CONVENTIONS.md: what every number means")
    add.set_defaults(run=_conventions)
    return parser


def _add_report(commands: Any) -> None:
    add = commands.add_parser("report", help="run notebooks on a market folder, write HTML")
    add.add_argument("notebook", nargs="*", help="a path or a bundled name; none is all bundled")
    add.add_argument("--data", metavar="FOLDER", help="market folder (sample)")
    add.add_argument("--output", default="reports", metavar="DIR", help="where to write (reports)")
    add.add_argument(
        "--set",
        action="append",
        default=[],
        type=_assignment,
        metavar="NAME=VALUE",
        help="a parameter of the notebook; may be repeated",
    )
    add.add_argument("--again", metavar="PAGE", help="as the foot of this report says, on its data")
    add.set_defaults(run=_report)


def _convert_parser(given: list[str]) -> argparse.ArgumentParser:
    """The parser of `convert`, with the options of the source that is named."""
    from mmresearch import load
    from mmresearch.options import add_options

    parser = argparse.ArgumentParser(
        prog="mmresearch convert",
        description="Source files -> market folder, with receipt. Each source has options of its "
        "own: mmresearch convert SOURCE --help. An interrupted run goes on where it was.",
        epilog=_limits(),
    )
    parser.add_argument("source", choices=sorted(load.__all__), metavar="SOURCE", help=_sources())
    parser.add_argument("files", nargs="*", metavar="FILE", help="files, folders or patterns")
    parser.add_argument("--to", required=True, metavar="FOLDER", help="the market folder to write")
    parser.add_argument("--again", metavar="FOLDER", help=_AGAIN)
    source = next((word for word in given if word in load.__all__), None)
    if source is not None:
        loader = getattr(load, source)
        parser.prog += f" {source}"
        parser.description = f"{inspect.getdoc(loader).splitlines()[0]}"
        add_options(parser, loader)
    parser.set_defaults(run=_convert)
    return parser


def _again_parser(given: list[str]) -> argparse.ArgumentParser:
    """The parser of `convert --again`, with the options that the manifest does not hold."""
    from mmresearch import again, load
    from mmresearch.options import add_options

    parser = argparse.ArgumentParser(prog="mmresearch convert", description=_AGAIN)
    parser.add_argument("--again", required=True, metavar="FOLDER", help=_AGAIN)
    parser.add_argument("files", nargs="*", metavar="FILE", help="files, folders or patterns")
    parser.add_argument("--to", required=True, metavar="FOLDER", help="the market folder to write")
    folder = parser.parse_known_args(given)[0].again
    receipt = again.converted(folder)
    add_options(parser, getattr(load, receipt.source), only=again.needed(receipt))
    parser.set_defaults(run=_convert_again)
    return parser


def _sources() -> str:
    from mmresearch import load

    return "one of " + ", ".join(sorted(load.__all__))


def _limits() -> str:
    from mmresearch.load import lines, unpack

    return (
        "Limits against files made to burst memory, set in the environment: "
        f"{unpack.MOST_GB} (8), what one packed or Parquet file may hold; {unpack.MOST_TIMES} "
        f"(300), how many times its packed size, above 64 MB; {lines.MOST_LINE} (256), the longest "
        f"line of a text file. Raised for one run: {unpack.MOST_GB}=20 mmresearch convert ..."
    )


def _add_fetch(commands: Any) -> None:
    add = commands.add_parser(
        "fetch",
        help="download public files, only when asked",
        description="Download public files that need no key; without a source, what there is.",
        epilog="Hosts can be set: MMRESEARCH_HOST_BINANCE=http://..., and so for the others.",
    )
    add.add_argument("source", nargs="?", help="binance-trades, tardis, cftc, ...")
    add.add_argument("what", nargs="?", help="what of it: BTCUSDT, an address, ...")
    add.add_argument("start", nargs="?", help="as published: 2024, 2024-08, 2024-08-01")
    add.add_argument("end", nargs="?", help="the last one, where there are several")
    add.add_argument("--to", default="data/raw", metavar="FOLDER", help="where to (data/raw)")
    add.set_defaults(run=_fetch)


def _add_new(commands: Any) -> None:
    add = commands.add_parser("new", help="copy a bundled notebook to adapt")
    add.add_argument("notebook")
    add.add_argument("to", metavar="my-study.ipynb")
    add.add_argument("--data", default="sample", metavar="FOLDER", help="market folder (sample)")
    add.set_defaults(run=_new)


def _add_check(commands: Any) -> None:
    add = commands.add_parser(
        "check",
        help="open every table of a market folder, say what is doubtful; 1 where a check fails",
    )
    add.add_argument("folder")
    add.set_defaults(run=_check)


def _report(chosen: argparse.Namespace) -> int:
    from mmresearch.show.report import report

    names = chosen.notebook
    one_or_more = names[0] if len(names) == 1 else names or None
    given = dict(chosen.set)
    if chosen.again:
        return _report_again(chosen, one_or_more)
    data = chosen.data or "sample"
    print(report(one_or_more, data=data, output=chosen.output, parameters=given))
    return 0


def _report_again(chosen: argparse.Namespace, notebook: str | list[str] | None) -> int:
    from mmresearch.show.again import report_again

    if chosen.set or isinstance(notebook, list):
        raise ValueError("--again takes the parameters of its page, and one notebook")
    how = {"notebook": notebook, "data": chosen.data, "output": chosen.output}
    print(report_again(chosen.again, **how))
    return 0


def _convert(chosen: argparse.Namespace) -> int:
    from mmresearch.convert import convert

    options = _options(chosen)
    market = convert(chosen.source, chosen.files, chosen.to, options=options, progress=sys.stderr)
    print(market.receipt, market, f"written to {chosen.to}", sep="\n\n")
    return 0


def _options(chosen: argparse.Namespace) -> dict[str, Any]:
    """What is a loader's among what was chosen."""
    ours = ("source", "files", "to", "again", "run")
    return {name: value for name, value in vars(chosen).items() if name not in ours}


def _convert_again(chosen: argparse.Namespace) -> int:
    from mmresearch.again import convert_again

    how = {"options": _options(chosen), "progress": sys.stderr}
    market = convert_again(chosen.again, chosen.files, chosen.to, **how)
    print(market.receipt, market, f"written to {chosen.to}", sep="\n\n")
    return 0


def _new(chosen: argparse.Namespace) -> int:
    from mmresearch.show.template import new_notebook

    print(new_notebook(chosen.notebook, chosen.to, data=chosen.data))
    return 0


def _check(chosen: argparse.Namespace) -> int:
    import mmresearch as mm

    market = mm.open(chosen.folder)
    for name in market:
        for _ in market.parts(name):  # each is checked as it is read
            pass
    print(market)
    checked = mm.check(market)
    doubtful = checked[checked["verdict"].isin(["fail", "warn"])]
    for (verdict, check), rows in doubtful.groupby(["verdict", "check"], sort=False):
        for row in rows.head(_SHOWN).itertuples():
            print(f"{verdict}: {row.symbol}: {check}: {row.found} ({row.affects})")
        if len(rows) > _SHOWN:
            print(f"{verdict}: {len(rows) - _SHOWN:,} more symbols: {check} (mm.check lists them)")
    print(f"{len(checked)} checks, {len(doubtful)} of them in doubt")
    return int("fail" in set(checked["verdict"]))


def _conventions(chosen: argparse.Namespace) -> int:
    from mmresearch.show.convention_page import convention_page

    print(convention_page(), end="")
    return 0


def _fetch(chosen: argparse.Namespace) -> int:
    from mmresearch.fetch import fetch
    from mmresearch.fetch.sources import listed

    if chosen.source is None:
        print(f"What there is, with an example each:\n{listed()}")
        return 0
    for path in fetch(chosen.source, chosen.what, chosen.start, chosen.end, to=chosen.to):
        print(path)
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def _assignment(text: str) -> tuple[str, Any]:
    """A parameter and its value: a Python value where it reads as one, else text."""
    name, value = _pair(text)
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


if __name__ == "__main__":
    sys.exit(main())
