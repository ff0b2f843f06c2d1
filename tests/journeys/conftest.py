"""The scripts are programs of their own, run by test_journeys with each SDK's Python: pytest must not import them."""

collect_ignore_glob = ["scripts/*"]
