"""Explanations of one member, order, payout, wallet, month or finding, with the rows behind them."""
