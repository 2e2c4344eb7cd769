"""`sutja models`: the models that sutja brings."""

from __future__ import annotations

import json

import click

from sutja import bundle
from sutja.bundle import Bundle
from sutja.cli.console import command
from sutja.cli.options import percent
from sutja.texts.phrases import phrase, said


@command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def models(as_json: bool) -> None:
    """List the models that sutja brings: what each tells apart, in which language, how well, and its licence."""
    for name in bundle.shipped():
        found = bundle.load(name)
        click.echo(json.dumps(_facts(name, found), ensure_ascii=False) if as_json else _line(name, found))


def _facts(name: str, model: Bundle) -> dict[str, object]:
    about = {
        key: model.about.get(key) for key in ("accuracy", "interval95", "protocol", "n_speakers", "data", "licence")
    }
    return {
        "name": name,
        "labels": list(model.labels),
        "language": model.language,
        "spoken": dict(model.spoken),
        "is_body": model.outside is not None,
        **about,
    }


def _line(name: str, model: Bundle) -> str:
    accuracy = model.about.get("accuracy")
    parts = [
        said("language {name}", name=model.language or phrase("not told")),
        said("{n} labels: {labels}", n=len(model.labels), labels=", ".join(model.labels[:12])),
        said("{share} on {what} held out", share=percent(accuracy), what=phrase(str(model.about.get("protocol"))))
        if isinstance(accuracy, float)
        else phrase("accuracy not told"),
        phrase("own words can be taught on it" if model.outside is not None else "no body for own words"),
        said("licence {name}", name=model.about.get("licence") or phrase("not told")),
    ]
    return f"{name}   {'; '.join(parts)}"
