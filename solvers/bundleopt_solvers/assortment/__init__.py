"""Which items to list under substitution: mixed multinomial logit, rules, and a proven bound; see ASSORTMENT.md."""
