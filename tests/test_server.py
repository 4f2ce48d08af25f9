"""The production entry: health, warm start, and addresses that would be read only in part."""

import urllib.error
import urllib.request

import pytest


def status(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_health_names_the_build_that_serves(app_address, warehouse):
    from data.warehouse import Warehouse

    code, text = status(f"{app_address}/healthz")
    assert code == 200 and Warehouse(warehouse).newest() in text


@pytest.mark.parametrize("query", ["segment=home&" * 2_000, "customer=" + "C" * 20_000])
def test_an_address_too_long_to_be_read_whole_is_refused(app_address, query):
    code, text = status(f"{app_address}/?{query}")
    assert code == 414 and "nothing is shown" in text


def test_an_address_of_many_choices_is_served(app_address):
    assert status(f"{app_address}/?{'segment=home&' * 50}")[0] == 200
