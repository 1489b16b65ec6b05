"""Settings from the environment, where pydantic-settings' own reading is not enough."""

import pytest
from doctr_serve.settings import Settings, unknown_variables
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("variable", "models"),
    [
        ("parseq", ["parseq"]),
        ("parseq, fast_tiny", ["parseq", "fast_tiny"]),
        ('["parseq", "fast_tiny"]', ["parseq", "fast_tiny"]),
        ("", []),
    ],
)
def test_models_to_preload_are_names_with_commas_between_them_or_json(
    monkeypatch: pytest.MonkeyPatch, variable: str, models: list[str]
) -> None:
    monkeypatch.setenv("DOCTR_SERVE_PRELOAD_MODELS", variable)
    assert Settings().preload_models == models


def test_a_broken_list_of_models_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTR_SERVE_PRELOAD_MODELS", '["parseq"')
    with pytest.raises(ValidationError, match="preload_models"):
        Settings()


def test_a_misspelt_variable_is_found_and_a_setting_or_the_clients_own_is_not() -> None:
    names = ["DOCTR_SERVE_MAX_PAGE", "DOCTR_SERVE_MAX_PAGES", "DOCTR_SERVE_SERVER", "DOCTR_CACHE_DIR", "PATH"]
    assert unknown_variables(names) == ["DOCTR_SERVE_MAX_PAGE"]
