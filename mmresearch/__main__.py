"""The command `mmresearch`: a thin way to the same functions that notebooks call."""

from __future__ import annotations

import argparse
import ast
import sys
from typing import Any

# What each source's loader may be told beside its files.
_OPTIONS = {
    "lobster": ("name", "symbol", "date"),
    "floorsheet": ("name",),
    "table": ("name", "symbol", "kind", "columns", "time_zone", "unit", "account", "calendar"),
}
_EVERY_OPTION = sorted({name for names in _OPTIONS.values() for name in names})


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when done, 1 with one message for a fault, 2 for wrong usage."""
    chosen = _parser().parse_args(arguments)
    try:
        return chosen.run(chosen)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except (ValueError, OSError, _report_error()) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


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
    _add_convert(commands)
    _add_new(commands)
    _add_check(commands)
    return parser


def _add_report(commands: Any) -> None:
    add = commands.add_parser("report", help="run notebooks on a market folder, write HTML")
    add.add_argument("notebook", nargs="*", help="a path or a bundled name; none is all bundled")
    add.add_argument("--data", default="sample", metavar="FOLDER", help="market folder (sample)")
    add.add_argument("--output", default="reports", metavar="DIR", help="where to write (reports)")
    add.add_argument(
        "--set",
        action="append",
        default=[],
        type=_assignment,
        metavar="NAME=VALUE",
        help="a parameter of the notebook; may be repeated",
    )
    add.set_defaults(run=_report)


def _add_convert(commands: Any) -> None:
    add = commands.add_parser("convert", help="source files -> market folder, with receipt")
    add.add_argument("source", choices=list(_OPTIONS))
    add.add_argument("files", nargs="+", metavar="FILE", help="lobster: MESSAGE then ORDERBOOK")
    add.add_argument("--to", required=True, metavar="FOLDER")
    add.add_argument("--name", help="of the study, said in reports")
    add.add_argument("--symbol", help="where the files do not say it (lobster, table)")
    add.add_argument("--date", help="of a lobster day whose files' names do not say it")
    only = add.add_argument_group("only for the source `table`")
    only.add_argument("--kind", help="the table the file holds: fills, trades, quotes, ...")
    only.add_argument(
        "--columns", nargs="+", type=_pair, metavar="OURS=THEIRS", help="e.g. size=qty time=ts"
    )
    only.add_argument("--time-zone", help="of times written without one")
    only.add_argument("--unit", help="of times written as numbers: s, ms, us, ns")
    only.add_argument("--account", help="where the file does not say it")
    only.add_argument("--calendar", help="of the sessions, e.g. XNYS (24/7)")
    add.set_defaults(run=_convert)


def _add_new(commands: Any) -> None:
    add = commands.add_parser("new", help="copy a bundled notebook to adapt")
    add.add_argument("notebook")
    add.add_argument("to", metavar="my-study.ipynb")
    add.add_argument("--data", default="sample", metavar="FOLDER", help="market folder (sample)")
    add.set_defaults(run=_new)


def _add_check(commands: Any) -> None:
    add = commands.add_parser("check", help="open every table of a market folder, name every fault")
    add.add_argument("folder")
    add.set_defaults(run=_check)


def _report(chosen: argparse.Namespace) -> int:
    from mmresearch.show.report import report

    names = chosen.notebook
    one_or_more = names[0] if len(names) == 1 else names or None
    given = dict(chosen.set)
    print(report(one_or_more, data=chosen.data, output=chosen.output, parameters=given))
    return 0


def _convert(chosen: argparse.Namespace) -> int:
    import mmresearch as mm

    given = {name: getattr(chosen, name) for name in _EVERY_OPTION}
    options = {name: value for name, value in given.items() if value is not None}
    wrong = sorted(set(options) - set(_OPTIONS[chosen.source]))
    if wrong:
        raise ValueError(f"the source {chosen.source} takes no {', '.join(wrong)}")
    if "columns" in options:
        options["columns"] = dict(options["columns"])
    wanted = {"lobster": (2, "MESSAGE and ORDERBOOK"), "table": (1, "one FILE")}
    number, words = wanted.get(chosen.source, (len(chosen.files), ""))
    if len(chosen.files) != number:
        raise ValueError(f"{chosen.source} takes {words}; found {', '.join(chosen.files)}")
    others = f" and {len(chosen.files) - 1} more" if len(chosen.files) > 1 else ""
    print(f"reading {chosen.files[0]}{others} ...", file=sys.stderr)
    market = getattr(mm.load, chosen.source)(*chosen.files, **options)
    market.save(chosen.to)
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
        market[name]
    print(market)
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
