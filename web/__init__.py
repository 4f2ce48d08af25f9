"""What stands between the network and the screens: session guard, headers, sign-in, exports, saved addresses."""

import warnings

with warnings.catch_warnings():
    import authlib.deprecate  # asks to be heard always, so it comes first

    warnings.simplefilter("ignore")  # Authlib will use another HTTP package one day; requirements.txt has today's
    import authlib.integrations.starlette_client  # noqa: F401
