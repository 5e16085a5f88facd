"""The template language of SES: what a template says, what it refuses, and that it ends."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.services.ses import handlebars

DATA: dict[str, Any] = {
    "name": "Ada",
    "items": [{"what": "pen", "price": 2}, {"what": "ink", "price": 1.5}],
    "address": {"city": {"name": "Oslo"}},
    "yes": True,
    "none": None,
    "empty": [],
    "odd key": 7,
}


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("Hello {{name}}, {{{name}}} & {{&name}}!", "Hello Ada, Ada & Ada!"),
        ("{{address.city.name}} {{items.0.what}} {{items.[1].what}} {{[odd key]}}", "Oslo pen ink 7"),
        ("{{#if yes}}y{{else}}n{{/if}}{{#if nothing}}y{{else}}n{{/if}}{{#if empty}}y{{else}}n{{/if}}", "ynn"),
        ("{{#if nothing}}a{{else if yes}}b{{else}}c{{/if}}", "b"),
        ("{{#unless nothing}}u{{/unless}}{{^nothing}}v{{/nothing}}", "uv"),
        ("{{#each items}}{{@index}}.{{what}} {{price}}{{#unless @last}}, {{/unless}}{{/each}}", "0.pen 2, 1.ink 1.5"),
        ("{{#each items as |item i|}}{{i}}{{item.what}}{{/each}}", "0pen1ink"),
        ("{{#each items}}{{../name}}{{@root.name}}{{/each}}", "AdaAdaAdaAda"),
        ("{{#each address.city}}{{@key}}={{this}}{{/each}}{{#each empty}}x{{else}}nobody{{/each}}", "name=Oslonobody"),
        ("{{#with address}}{{city.name}}{{/with}}", "Oslo"),
        ('{{#* inline "line"}}[{{what}}]{{/inline}}{{#each items}}{{> line}}{{/each}}', "[pen][ink]"),
        ("a {{! not }}b{{!-- {{neither}} --}}c", "a bc"),
        ("a  {{~name~}}  b", "aAdab"),
        ("{{none}}|{{yes}}|{{lookup address 'city'}}", '|true|{"name":"Oslo"}'),
        ("\\{{name}}", "{{name}}"),
        ("x\n{{#if yes}}\n  y\n{{/if}}\nz\n", "x\n  y\nz\n"),
        ("<b>{{html}}</b>", "<b><i>&</i></b>"),
    ],
)
def test_a_template_says_what_handlebars_says_without_escaping(template: str, said: str) -> None:
    assert handlebars.render(template, {**DATA, "html": "<i>&</i>"}) == said


@pytest.mark.parametrize("template", ["{{nobody}}", "{{address.street}}", "{{items.9}}", "{{> p}}{{x}}", "{{@index}}"])
def test_what_the_data_lacks_is_named(template: str) -> None:
    with pytest.raises((handlebars.MissingAttribute, handlebars.BadTemplate)):
        handlebars.render(template, DATA)


@pytest.mark.parametrize(
    "template",
    [
        *("{{", "{{name", "{{}}", "{{#if}}{{/if}}", "{{#if yes}}", "{{/if}}", "{{#if yes}}{{/each}}", "{{else}}"),
        *("{{shout name}}", "{{#shout name 1}}{{/shout}}", "{{> p}}", "{{a=b}}", "{{#* inline}}{{/inline}}"),
        *("{{#if a}}" * 100 + "{{/if}}" * 100, '{{#* inline "p"}}{{> p}}{{/inline}}{{> p}}'),
    ],
)
def test_a_template_that_is_none_is_refused(template: str) -> None:
    with pytest.raises(handlebars.BadTemplate):
        handlebars.render(template, DATA)


@pytest.mark.parametrize("inside", ["x", ""])
def test_a_template_that_would_say_too_much_ends(inside: str) -> None:
    data = {"many": list(range(1000))}
    template = "{{#each many}}{{#each @root.many}}{{#each @root.many}}" + inside + "{{/each}}{{/each}}{{/each}}"
    with pytest.raises(handlebars.TooLarge):
        handlebars.render(template, data)
