"""Explanations of one member, order, payout, wallet, month, break or issue, with the rows behind them."""
