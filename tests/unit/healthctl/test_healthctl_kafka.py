"""What the embedded broker is told."""

from healthctl.embedded.kafka import new_cluster_id


def test_no_cluster_id_looks_like_an_option() -> None:
    """One UUID in 64 does, and the tool that formats the broker's folder refused it."""
    made = {new_cluster_id() for _ in range(2000)}
    assert len(made) == 2000
    assert not [text for text in made if text.startswith("-")]
    assert {len(text) for text in made} == {22}
