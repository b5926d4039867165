"""Catalogues of services that labels offer, in the words of their documents."""
