"""Finding the line and column of a location in the source of a definition."""

from __future__ import annotations

from emulator.services.stepfunctions.asl.validation.source import positions, positions_in_yaml

TEXT = """{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Choice", "Choices": [
      {"Variable": "$.x", "IsNull": true, "Next": "B"},
      {"Next": "C"}
    ]},
    "B/C[0]": {
      "Type": "Pass", "Comment": "{ \\"Type\\": [ } ,",
      "End": true
    },
    "\\u0041ndy": {"Type": "Succeed"}
  }
}"""


def test_keys_and_elements_are_found_by_their_location() -> None:
    found = positions(
        TEXT,
        [
            "/",
            "/StartAt",
            "/States/A/Choices[0]/Next",
            "/States/A/Choices[1]",
            "/States/B/C[0]/End",
            "/States/B/C[0]",
            "/States/Andy/Type",
        ],
    )
    assert found == {
        "/": (1, 1),
        "/StartAt": (2, 3),
        "/States/A/Choices[0]/Next": (5, 43),
        "/States/A/Choices[1]": (6, 7),
        "/States/B/C[0]/End": (10, 7),
        "/States/B/C[0]": (8, 5),
        "/States/Andy/Type": (12, 19),
    }


def test_what_the_source_has_not_is_found_by_the_nearest_thing_above() -> None:
    assert positions(TEXT, ["/States/A/Catch[0]/Next", "/Nowhere/x"]) == {
        "/States/A/Catch[0]/Next": (4, 5),
        "/Nowhere/x": (1, 1),
    }


def test_yaml_is_searched_like_json() -> None:
    text = "StartAt: A\nStates:\n  A:\n    Type: Choice\n    Choices:\n      - Variable: $.x\n        Next: B\n"
    found = positions_in_yaml(text, ["/States/A/Choices[0]/Next", "/States/A/Default", "/"])
    assert found == {"/States/A/Choices[0]/Next": (7, 9), "/States/A/Default": (3, 3), "/": (1, 1)}


def test_a_hostile_source_is_searched_once() -> None:
    text = '{"States": {' + ",".join(f'"S{number}": {{"a": [1, [2]]}}' for number in range(50_000)) + "}}"
    location = "/" + "/".join(["x" * 50] * 20_000)
    assert positions(text, ["/States/S49999/a[1][0]", location])[location] == (1, 1)
