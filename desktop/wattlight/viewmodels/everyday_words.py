"""One comparison with everyday life, as a sentence."""

from wattlight.i18n import number, tr


def everyday_text(energy_mj: int | None) -> str:
    """ "About as much as boiling 4 l of water."; "" where there is nothing to speak of."""
    from wattlight.domain import answers

    like = answers.everyday(energy_mj)
    if like is None:
        return ""
    amount = number(like.amount, 0 if like.amount == int(like.amount) else 1)
    text = {
        "lamp_minutes": tr("About as much as an LED lamp uses in {n} minutes."),
        "phone_charges": tr("About as much as charging a phone {n} times."),
        "litres_boiled": tr("About as much as boiling {n} l of water."),
        "car_km": tr("About as much as driving an electric car for {n} km."),
    }[like.kind]
    return text.format(n=amount)
